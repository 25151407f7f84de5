-- Argo CD's view of Seatrial: `obj` is a ModelDeployment or a RolloutDecision, the answer is its health.

local function health(status, message)
  return { status = status, message = message or "" }
end

local function condition(kind)
  for _, each in ipairs((obj.status or {}).conditions or {}) do
    if each.type == kind then
      return each
    end
  end
  return {}
end

local function holds(kind)
  return condition(kind).status == "True"
end

local function of_decision()
  local status = obj.status or {}
  if status.phase == "Taken" then
    return health("Healthy", status.message)
  elseif status.phase == "Refused" then
    return health("Degraded", status.message)
  end
  return health("Progressing", "the operator has not seen this decision yet")
end

local function of_deployment()
  local status = obj.status or {}
  if obj.metadata.deletionTimestamp then
    return health("Progressing", "it is being deleted")
  elseif (status.observedGeneration or 0) < (obj.metadata.generation or 0) then
    return health("Progressing", "the operator has not seen generation " .. obj.metadata.generation .. " yet")
  elseif holds("Stalled") then
    return health("Degraded", condition("Stalled").message or status.message)
  elseif status.phase == "Degraded" or status.phase == "Failed" then
    return health("Degraded", status.message)
  elseif status.phase == "Paused" then
    return health("Suspended", status.message)
  elseif holds("Ready") then
    return health("Healthy", status.message)
  end
  return health("Progressing", status.message)
end

if obj.kind == "RolloutDecision" then
  return of_decision()
end
return of_deployment()
