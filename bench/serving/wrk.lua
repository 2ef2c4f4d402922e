-- Posts one body again and again, or the lines of a file in turns; gets where the body is empty.
-- Arguments: "whole" or "lines", the file, then names and values of headers.
local bodies = {}
local turn = 0

function init(arguments)
  local file = assert(io.open(arguments[2], "rb"))
  if arguments[1] == "lines" then
    for line in file:lines() do
      bodies[#bodies + 1] = line
    end
  else
    wrk.body = file:read("*a")
  end
  file:close()
  wrk.method = (#bodies > 0 or #wrk.body > 0) and "POST" or "GET"
  for index = 3, #arguments, 2 do
    wrk.headers[arguments[index]] = arguments[index + 1]
  end
  if #bodies > 0 then
    -- Without it wrk makes one request and sends that each time, which costs it less.
    request = next_body
  end
end

function next_body()
  turn = turn % #bodies + 1
  return wrk.format(nil, nil, nil, bodies[turn])
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '\n{"requests": %d, "seconds": %f, "p50": %f, "p99": %f, "refused": %d, "failed": %d}\n',
    summary.requests, summary.duration / 1e6,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
