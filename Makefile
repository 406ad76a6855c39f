# Every target is one line. Without make: `uv run course lab`, `uv run course test`, …
PYTHON ?= python3
SETUP = @$(PYTHON) course_lib/command/bootstrap.py

.PHONY: lab run sweep test check doctor clean
lab:    ; $(SETUP) course lab
run:    ; $(SETUP) course run
sweep:  ; $(SETUP) course sweep small --resume
test:   ; $(SETUP) course test
check:  ; $(SETUP) course check
doctor: ; $(SETUP) course doctor
clean:  ; @rm -rf .venv runs data/cache
