"""mindgap for Python: the program that `pip` installs, and its measurements for training loops of your own."""

__version__ = "0.1.0.post213"
