"""The error a user can mend."""

from hearlog.terminal import printable


class InputError(ValueError):
    """Something in the user's params, logs, catalogue or audio is wrong.

    The message names the file, the row or key, and what to do. Stages and the command line
    print it alone; any other exception is a defect of hearlog and keeps its traceback.

    Parameters
    ----------
    message
        May quote what users wrote: what a terminal would obey in it is shown instead.
    """

    def __init__(self, message: str) -> None:
        super().__init__(printable(message))
