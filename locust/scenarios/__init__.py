"""One module an area of the platform; each runs alone and inside `main_load_test.py`."""
