package quota

import "context"

// Used is what is used of a quota of an account now, as it is counted: of a
// minute's allowance what has not come back yet, of a day's what was used of it,
// and the calls under way. It is 0 where nothing is counted.
func (l *Limiter) Used(ctx context.Context, account, region string, id ID) (float64, error) {
	key := Key{Account: account, Region: region, Model: id.Model, Class: id.Class}
	s := l.shard(key)
	s.mu.Lock()
	if b, ok := s.buckets[key]; ok {
		defer s.mu.Unlock()
		b.pass(l.clock())
		switch id.Metric {
		case Requests:
			return b.requests.used, nil
		case Tokens:
			return b.tokens.used, nil
		case TokensPerDay:
			return float64(b.spent), nil
		case Concurrency:
			return float64(b.running), nil
		}
		return 0, nil
	}
	s.mu.Unlock()
	if id.Metric != TokensPerDay || l.p.Days == nil {
		return 0, nil
	}
	_, day := l.clock()
	spent, err := l.p.Days.Spent(ctx, key, day)
	return float64(spent), err
}
