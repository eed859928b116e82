#!/usr/bin/env python3
"""Makes a recording of what nbdkit's log filter wrote: recording_of_log.py LOG RECORDING.csv.gz

    nbdkit -f -U SOCKET --filter=log --filter=cow file IMAGE logfile=LOG
"""
import gzip
import re
import sys
from datetime import datetime

LINE = re.compile(r"(\S+ \S+) connection=\d+ (Read|Write|Flush|Trim|Zero) id=\d+(?: offset=(\S+) count=(\S+))?")
LETTERS = {"Read": "R", "Write": "W", "Flush": "F", "Trim": "D", "Zero": "Z"}


def rows(lines):
    """One row for each request, at the time when it came."""
    start = None
    for line in lines:
        found = LINE.match(line)
        if found:
            at = datetime.fromisoformat(found[1])
            start = start or at
            offset, count = (int(each or "0", 16) for each in (found[3], found[4]))
            yield f"{round((at - start).total_seconds() * 1e6)},image,{LETTERS[found[2]]},{offset},{count}\n"


if __name__ == "__main__":
    with open(sys.argv[1]) as log, gzip.open(sys.argv[2], "wt") as out:
        out.write("ts_us,volume,op,offset_bytes,length_bytes\n")
        out.writelines(rows(log))
