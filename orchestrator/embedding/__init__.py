"""Text to vectors: static by default, sentence-transformers as the accurate one."""
