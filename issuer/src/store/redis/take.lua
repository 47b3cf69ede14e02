-- Takes a turn that ends by itself, or says who has it. KEYS: the mutex. ARGV: the taker, milliseconds.
if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then
    return ''
end
return redis.call('GET', KEYS[1]) or ''
