-- Honest figures: the newest item of each visitor is kept from training, and is what the model must predict afterwards.
CREATE VIEW demo_training AS
	SELECT visitorid, items[:length - 1] AS items, categories[:length - 1] AS categories,
		   events[:length - 1] AS events, times[:length - 1] AS times
	FROM retailrocket.sequences
	WHERE length >= 3;
CREATE VIEW demo_evaluation AS
	SELECT visitorid, items, categories, events, times
	FROM retailrocket.sequences
	WHERE length >= 3;
ANALYZE;
