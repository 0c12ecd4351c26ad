"""People who are erased: finding and rewriting everything that names them, and the record of it.

Does not belong here: when somebody is erased (``operations.erasure``).
"""
