import pytest

from course_lib import CourseError, local_cluster


def test_a_machine_passes_for_two_hosts_at_most():
    with pytest.raises(CourseError, match="1 host or for 2"):
        local_cluster(hosts=3)
