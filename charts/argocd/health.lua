-- The Argo CD health check for ModelDeployments and RolloutDecisions: `obj` is the object, the result is its health.

local function health(status, message)
  return { status = status, message = message or "" }
end

local function condition(condition_type)
  for _, candidate in ipairs((obj.status or {}).conditions or {}) do
    if candidate.type == condition_type then
      return candidate
    end
  end
  return {}
end

local function is_true(condition_type)
  return condition(condition_type).status == "True"
end

local function decision_health()
  local status = obj.status or {}
  if status.phase == "Taken" then
    return health("Healthy", status.message)
  elseif status.phase == "Refused" then
    return health("Degraded", status.message)
  end
  return health("Progressing", "the operator has not processed this decision yet")
end

local function deployment_health()
  local status = obj.status or {}
  if obj.metadata.deletionTimestamp then
    return health("Progressing", "the object is being deleted")
  elseif (status.observedGeneration or 0) < (obj.metadata.generation or 0) then
    return health("Progressing", "the operator has not observed generation " .. obj.metadata.generation .. " yet")
  elseif is_true("Stalled") then
    return health("Degraded", (status.phase or "") .. ": " .. (condition("Stalled").message or status.message or ""))
  elseif status.phase == "Degraded" or status.phase == "Failed" then
    return health("Degraded", status.message)
  elseif status.phase == "Paused" or status.phase == "Stopped" then
    return health("Suspended", status.message)
  elseif is_true("Ready") then
    return health("Healthy", status.message)
  end
  return health("Progressing", status.message)
end

if obj.kind == "RolloutDecision" then
  return decision_health()
end
return deployment_health()
