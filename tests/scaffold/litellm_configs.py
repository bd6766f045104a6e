"""LiteLLM configurations of several styles, as people write them."""

from __future__ import annotations

# The key is made up; it only has the form of one.
LITERAL = "sk-proj-" + "Zm9vYmFyYmF6cXV4MTIzNDU2Nzg5MA"

AZURE = """
model_list:
  - model_name: gpt-4o
    litellm_params:
      model: azure/contoso-gpt4o-eu
      api_base: https://contoso-eu.openai.azure.com/
      api_key: os.environ/AZURE_EU_KEY
      api_version: "2025-04-01-preview"
      rpm: 900
      tpm: 150000
    model_info:
      base_model: azure/gpt-4o
      region: eu
  - model_name: gpt-4o
    litellm_params:
      model: azure/contoso-gpt4o-us
      api_base: os.environ/AZURE_US_BASE
      api_key: os.environ/AZURE_US_KEY
      api_version: os.environ/AZURE_VERSION
      timeout: 30
    model_info:
      base_model: azure/gpt-4o
router_settings:
  routing_strategy: usage-based-routing-v2
  redis_host: os.environ/REDIS_HOST
  redis_password: os.environ/REDIS_PASSWORD
  enable_pre_call_checks: true
litellm_settings:
  drop_params: true
  num_retries: 3
  request_timeout: 600
general_settings:
  master_key: sk-1234
  database_url: postgresql://user:hunter22secret@db/litellm
"""

MIXED = f"""
model_list:
  - model_name: smart
    litellm_params: {{model: openai/gpt-4o, api_key: {LITERAL}}}
  - model_name: smart
    litellm_params: {{model: anthropic/claude-sonnet-4-5, api_key: os.environ/ANTHROPIC_API_KEY}}
  - model_name: Claude (EU)
    litellm_params:
      model: bedrock/eu.anthropic.claude-sonnet-4-5-20250929-v1:0
      aws_region_name: eu-central-1
      aws_access_key_id: os.environ/AWS_ACCESS_KEY_ID
      aws_secret_access_key: os.environ/MY_AWS_SECRET
  - model_name: gemini-pro
    litellm_params:
      model: vertex_ai/gemini-2.5-pro
      vertex_project: os.environ/VERTEX_PROJECT
      vertex_location: europe-west1
      vertex_credentials: /secrets/vertex.json
  - model_name: house
    litellm_params:
      model: openai/our-finetune
      api_base: https://llm.example.com/v1
      api_key: os.environ/HOUSE_KEY
      input_cost_per_token: 0.0000004
      output_cost_per_token: 0.0000016
      temperature: 0.1
    model_info:
      max_input_tokens: 32000
      max_output_tokens: 2000
      supports_function_calling: true
  - model_name: openai/*
    litellm_params: {{model: openai/*, api_key: os.environ/OPENAI_API_KEY}}
  - model_name: embeddings
    litellm_params: {{model: text-embedding-3-small}}
router_settings:
  routing_strategy: latency-based-routing
  fallbacks:
    - smart: [Claude (EU), gemini-pro]
    - gemini-pro: [house, gemini-por]
    - house: [{{model: smart, temperature: 0}}]
  context_window_fallbacks: [{{smart: [gemini-pro]}}]
  model_group_alias:
    gpt-4: smart
    best: {{model: Claude (EU), hidden: true}}
litellm_settings:
  default_fallbacks: [house]
  max_budget: 100
  budget_duration: 30d
  success_callback: [langfuse]
  cache: true
"""

LOCAL = """
model_list:
  - model_name: llama
    litellm_params:
      model: hosted_vllm/meta-llama/Llama-3.3-70B-Instruct
      api_base: http://vllm:8000/v1
      api_key: none
  - model_name: qwen
    litellm_params: {model: "ollama_chat/qwen2.5:7b", api_base: "http://localhost:11434"}
  - model_name: phi
    litellm_params: {model: openai/phi-4, api_base: "http://10.2.0.7:8080/v1/", api_key: EMPTY}
  - model_name: anywhere
    litellm_params: {model: openai/mystery, api_base: os.environ/ANYWHERE_URL, api_key: x}
"""

CREDENTIALS = """
model_list:
  - model_name: gpt-4.1
    litellm_params: {model: azure/gpt-4.1, litellm_credential_name: shared}
  - model_name: gpt-4.1-mini
    litellm_params: {model: azure/gpt-4.1-mini, litellm_credential_name: shared}
credential_list:
  - credential_name: shared
    credential_values:
      api_key: os.environ/AZURE_KEY
      api_base: https://shared.openai.azure.com
      api_version: "2025-04-01-preview"
    credential_info: {description: ours}
  - credential_name: lonely
    credential_values: {api_key: os.environ/LONELY_KEY}
"""

PARTS = {
    "config.yaml": """
include: [models/hosted.yaml, settings.yaml]
model_list:
  - model_name: first
    litellm_params: {model: gpt-4o}
""",
    "models/hosted.yaml": """
model_list:
  - model_name: second
    litellm_params: {model: mistral/mistral-large-latest}
""",
    "settings.yaml": """
litellm_settings: {fallbacks: [{first: [second]}]}
""",
}

STYLES = {"azure": AZURE, "mixed": MIXED, "local": LOCAL, "credentials": CREDENTIALS}
