"""Tools: what each may do, who has to agree, and how it is called."""
