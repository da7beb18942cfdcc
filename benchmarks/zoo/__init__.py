"""How often the diagnosis is right: ordinary scripts with a known fault or none, run and judged.

`cases` reads the labels, `runs` records and judges, `score` holds one run against its label,
`totals` counts, `scorecard` and `page` tell, `rates` keeps what the rules' own pages say.
"""
