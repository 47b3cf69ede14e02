-- A token bucket as the moment at which it is full again. KEYS: the bucket. ARGV: microseconds from token to token, tokens
-- that it holds, and the time in microseconds or nothing for that of Redis. Answers 0, or the seconds to wait.
local each, burst = tonumber(ARGV[1]), tonumber(ARGV[2])
local now = tonumber(ARGV[3])
if not now then
    local time = redis.call('TIME')
    now = time[1] * 1000000 + time[2]
end
local full = tonumber(redis.call('GET', KEYS[1]) or now)
-- Time that went back empties it at most, and locks nobody out for longer.
full = math.min(math.max(full, now), now + each * burst)
local next = full + each
local over = next - now - each * burst
if over > 0 then
    return math.ceil(over / 1000000)
end
redis.call('SET', KEYS[1], string.format('%.0f', next), 'PX', math.ceil((next - now) / 1000))
return 0
