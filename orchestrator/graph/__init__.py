"""Declared graph to LangGraph: edges, durable runs, eager subtasks, a true drawing."""
