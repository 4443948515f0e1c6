"""The error a user can mend."""


class InputError(ValueError):
    """Something in the user's params, logs, catalogue or audio is wrong.

    The message names the file, the row or key, and what to do. Stages and the command line
    print it alone; any other exception is a defect of hearlog and keeps its traceback.
    """
