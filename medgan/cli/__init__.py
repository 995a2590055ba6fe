"""The command line: one file per command, each turning errors into one message and an exit code.

The top of the house: may import any room, but only inside functions, so that `medgan --help`
answers at once. `app.py` puts the commands together.
"""
