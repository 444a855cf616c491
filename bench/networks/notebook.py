"""What a run of networks.py has measured so far."""
import json
import os


class Notebook:
    """A file of rows that grows contest by contest, so that a long run can be interrupted and go on later."""

    def __init__(self, path=None, resume=False):
        self.path, self.rows = path, []
        if resume and os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                self.rows = json.load(file)

    def has(self, name, batch, threads, engines):
        """Whether all of these engines were measured or found unable; a row of ours says who was there."""
        return any((row["name"], row["batch"], row["threads"], row["engine"]) == (f"network/{name}", batch, threads, "fmap")
                   and set(engines) <= set(row.get("asked", ())) for row in self.rows)

    def add(self, rows):
        self.rows += rows
        if self.path:
            unfinished = f"{self.path}.{os.getpid()}"
            with open(unfinished, "w", encoding="utf-8") as file:
                json.dump(self.rows, file, indent=1)
            os.replace(unfinished, self.path)
