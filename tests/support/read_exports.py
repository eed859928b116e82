#!/usr/bin/env python3
"""Reads exports of provenance with the libraries of others, and prints what they found, for a test to compare.

  read_exports.py prov FILE             PROV-JSON, by the package prov (Debian's python3-prov)
  read_exports.py records JSON CSV      JSON lines and CSV of the same records; they must say the same
  read_exports.py svg FILE              the texts of a drawing
"""
import collections
import csv
import json
import sys
import xml.etree.ElementTree


def prov(path):
    from prov.model import ProvAgent, ProvDocument

    document = ProvDocument.deserialize(path)
    counts = collections.Counter(type(it).__name__ for it in document.get_records())
    for name in sorted(counts):
        print(name, counts[name])
    for it in sorted(document.get_records(ProvAgent), key=lambda it: str(it.identifier)):
        print(it.identifier, json.dumps(it.label))
    known = {str(it.identifier) for it in document.get_records() if it.is_element()}
    missing = [
        str(value)
        for it in document.get_records()
        if it.is_relation()
        for name, value in it.formal_attributes
        if value is not None and name.localpart != "time" and name.localpart not in ("generation", "usage", "plan")
        and str(value) not in known
    ]
    print("missing", missing)
    print("times", sorted({str(it.args[2]) for it in document.get_records() if type(it).__name__ == "ProvUsage"}))


def records(json_path, csv_path):
    with open(json_path, encoding="utf-8", newline="\n") as file:
        lines = [json.loads(line) for line in file]
    with open(csv_path, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(lines) == len(rows), (len(lines), len(rows))
    for line, row in zip(lines, rows):
        as_text = {name: str(value).replace("\0", "\ufffd") for name, value in line.items()}
        assert as_text == row, (as_text, row)
        print(json.dumps(line, sort_keys=True))


def svg(path):
    for it in xml.etree.ElementTree.parse(path).iter("{http://www.w3.org/2000/svg}text"):
        print(json.dumps(it.text))


if __name__ == "__main__":
    {"prov": prov, "records": records, "svg": svg}[sys.argv[1]](*sys.argv[2:])
