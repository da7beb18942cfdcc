"""Judge a recording: ledger, rules, findings, verdict. Needs no torch."""
