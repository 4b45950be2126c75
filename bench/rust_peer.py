"""Runs the Rust crate bytehaul through its Python package, with its defaults but for what the job names.

rust_peer.py version | one JOB | many LIST DIR AT_ONCE
"""

import json
import sys
from concurrent.futures import ThreadPoolExecutor

import bytehaul


def fetch_one(job: str) -> None:
    given = {name: value for name, value in json.loads(job).items() if value is not None}
    bytehaul.download(**given)


def fetch_many(list_path: str, directory: str, at_once: str) -> None:
    with open(list_path, encoding="utf-8") as file:
        urls = file.read().split()
    downloader = bytehaul.Downloader()

    def fetch(url: str) -> None:
        downloader.download(url, output_dir=directory, output_path=url.rsplit("/", 1)[-1]).wait()

    with ThreadPoolExecutor(int(at_once)) as pool:
        for _ in pool.map(fetch, urls):
            pass


def main(action: str, *arguments: str) -> None:
    if action == "version":
        print(bytehaul.__version__)
    elif action == "one":
        fetch_one(*arguments)
    else:
        fetch_many(*arguments)


main(*sys.argv[1:])
