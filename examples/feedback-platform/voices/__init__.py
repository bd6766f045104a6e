"""What the platform knows of messages: tags, groups, and what stands for a group."""
