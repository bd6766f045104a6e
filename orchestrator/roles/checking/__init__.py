"""Claims against passages: gates first, then checkers that are blind, independent and watched."""
