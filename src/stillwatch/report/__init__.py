"""Report: a case as a person reads it.

One file per way of telling: `table` (terminal), `page` (one HTML file), `way` (how one account, exchange or entry
went through the hunt).

Prompts, templates and ids in a case are hostile text: each way makes them plain or escapes them.
"""
