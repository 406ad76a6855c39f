"""What runs the work: Java, Spark sessions, clusters, Spark Connect, HDFS, databases."""
