-- A window that slides over this stretch of time and the one before, and waits that double. KEYS: the window. ARGV: how many,
-- its seconds, the first and the longest wait, and the time in seconds or nothing for that of Redis. Answers 0, or the
-- seconds to wait. The rules are those of domain/limits/names.rs, and a test holds the two against each other.
local most, seconds = tonumber(ARGV[1]), tonumber(ARGV[2])
local first, longest = tonumber(ARGV[3]), tonumber(ARGV[4])
local now = tonumber(ARGV[5]) or tonumber(redis.call('TIME')[1])
local kept = redis.call('HMGET', KEYS[1], 'began', 'before', 'since', 'waits', 'free')
local began, free = tonumber(kept[1]) or now, tonumber(kept[5]) or now
local before, since, waits = tonumber(kept[2]) or 0, tonumber(kept[3]) or 0, tonumber(kept[4]) or 0
local age = now - began
if age < 0 or (age >= 2 * seconds and now - free >= seconds) then
    began, before, since, waits, free, age = now, 0, 0, 0, now, 0
end
if age >= seconds then
    local passed = math.floor(age / seconds)
    before = passed == 1 and since or 0
    since = 0
    began = began + passed * seconds
end
local wait = free - now
if wait <= 0 then
    local left = seconds - (now - began)
    if math.floor(before * left / seconds) + since < most then
        since, wait = since + 1, 0
    else
        wait = math.min(math.max(first * 2 ^ waits, first), longest)
        waits = math.min(waits + 1, 16)
        free = now + wait
    end
end
redis.call('HSET', KEYS[1], 'began', began, 'before', before, 'since', since, 'waits', waits, 'free', free)
-- From then on it is as good as none.
redis.call('EXPIRE', KEYS[1], math.max(began + 2 * seconds, free + seconds) - now)
return wait
