"""The local run: storage emulator, WORM gateway, Functions host and the stack that joins them.

Nothing here imports the product; the host loads the repository's `function_app.py` the way the platform does.
"""
