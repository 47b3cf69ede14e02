-- Ends a turn, if it is still that of the one who took it. KEYS: the mutex. ARGV: the taker.
if redis.call('GET', KEYS[1]) == ARGV[1] then
    return redis.call('DEL', KEYS[1])
end
return 0
