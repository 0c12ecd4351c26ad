"""Why a message failed: classes, the reading of SMTP texts, the comparison of Mailjet's two bounce sources.

Does not belong here: who is suppressed for it (``core.suppression``).
"""
