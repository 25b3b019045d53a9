"""Hunt: the corridor of the batch road, from a provider's logs to a case.

read      any log → canonical Parquet                        (ingest)
sketch    one pass over the text → columns in the scratch    (sketch, engine)
know      accounts, facts, owners
grow      families
trace     sparse tables of owners by values; returned answers
join      groups: proposed by one view, weighed by the others (link, judge)
tell      findings, cleared, undecided → the case directory   (judge, report)
"""
