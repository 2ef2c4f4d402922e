"""Who may write: a lock on an open folder, let go by the kernel even when the holder is killed."""

from __future__ import annotations

import errno
import fcntl

_UNSUPPORTED = (errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EBADF)


def try_lock(folder: int) -> bool | None:
    """Lock an open folder until it is closed; False if another run holds it.

    None where the file system knows no locks: then two runs at once are not told apart, and what
    looks abandoned may not be.
    """
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno in _UNSUPPORTED:
            return None
        raise
    return True
