"""One file a command: it reads paths and numbers, calls the other rooms, and prints.

What commands share is in options.py and runs.py. Imports every other room, but inside of functions: importing these
modules imports neither torch nor numpy, so that --help is quick.
"""
