"""The configuration file that a site begins with: what it needs, with comments; what only the site
knows is empty, so that the file is not taken until it is filled in."""

from __future__ import annotations

from pathlib import Path

SYSTEM_FOLDER = Path("/etc")
"""A file below it is of a service of the machine, whose data are not kept beside it."""
SYSTEM_DATA = "/var/lib/broker"
DATA = "broker-data"

_TEXT = """\
# The configuration of the DICOM print broker, written by `broker config init`.
#
# Fill in what is empty. `broker config check` names each mistake, with what would be right;
# `broker config show` prints every key that there is. What is not here has its default.
# After a change: `systemctl reload broker`, or send the broker SIGHUP.

[broker]
ae_title = "BROKER"            # what modalities call; upper and lower case count
host = "*"                     # where to listen: every interface; or one address, as "10.1.2.3"
port = 11112
data_dir = {data_dir}# queue and films; on a local disk, not NFS

# One table for each printer; copy it for the next one. Without any, films are refused.
[[printers]]
name = "oki-1"                 # what operators see and type
ae_title = ""                  # FILL IN: as set on the printer's own page
host = ""                      # FILL IN: its address or its name
port = 11112                   # as set on the printer's own page
weight = 100                   # a printer of twice the weight gets twice the films
# tls = true                   # where the printer speaks TLS: `broker help security`
# identify = false             # it is never asked which machine it is: `broker help printers`

# What people call a modality: shown beside its AE title, and found by. One table for each.
# [[modalities]]
# ae_title = "CT1"             # as the modality calls itself
# nickname = "CT, ground floor"

[web]
host = "127.0.0.1"             # the page, for this machine; "*" for others, after `broker user add`
port = 8080

# Messages when a printer goes or comes back, a job is held or waits too long, the disk fills.
# [notify]
# webhook = "https://chat.hospital.example/hooks/print"
# mail_host = "mail.hospital.example"
# mail_from = "broker@hospital.example"
# mail_to = "imaging@hospital.example"

# [retention]
# pixels_hours = 24            # how long a finished job can be printed again
# rows_days = 90               # how long it is listed
"""


def first_file(path: Path) -> str:
    """What `path` shall begin with."""
    of_the_system = SYSTEM_FOLDER in path.absolute().parents
    data_dir = f'"{SYSTEM_DATA if of_the_system else DATA}"'
    return _TEXT.format(data_dir=f"{data_dir:<20}")
