"""Tell: text, pictures and pages, made from results; nothing is judged here."""
