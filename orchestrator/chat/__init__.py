"""The mesh as a langchain-core chat model, for anyone's own LangGraph."""
