"""How well claims are checked: measured on labelled claims, planted mistakes, known errors."""
