"""The library in ten lines: a question about documents, answered and proven."""

from pathlib import Path

from orchestrator import Mesh

documents = Path(__file__).parent / "documents"
answer = Mesh.load().run_sync(question="Until when are beds kept?", sources=[documents])
print(answer.text)
print(answer.verdict, f"{answer.cost_usd} USD")
for citation in answer.citations:
    print(f"{Path(citation.file).name}:{citation.start}-{citation.end} “{citation.quote}”")
