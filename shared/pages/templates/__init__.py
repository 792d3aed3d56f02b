"""Templates of the pages. A package, so that they are installed with the program."""
