"""What the files on disk share: opening, schema versions, migrations, retention."""
