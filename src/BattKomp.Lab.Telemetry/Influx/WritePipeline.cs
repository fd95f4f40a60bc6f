using System.Threading.Channels;

namespace BattKomp.Lab.Telemetry.Influx;

/// <summary>
/// The one loop that judges entries in the order of the calls, and the writes in flight behind it. Groups are written side by side but committed and
/// answered in order: an answer may rest on what an earlier group has not written yet. When one fails, all behind it fail too, the judge's view goes
/// back to what is committed, and everything that waits is told to come again.
/// </summary>
internal sealed class WritePipeline : IAsyncDisposable
{
    private const int WaitingCalls = 16_384;
    private readonly Channel<Work> _waiting = Channel.CreateBounded<Work>(WaitingCalls);
    private readonly CancellationTokenSource _stop = new();
    private readonly SemaphoreSlim _slots, _loading = new(1, 1);
    private readonly InfluxOptions _options;
    private readonly InfluxClient _client;
    private readonly GroupSender _sender;
    private readonly TimeProvider _time;
    private readonly Task _loop;
    private volatile InfluxCatalogue? _catalogue;
    private EntryJudge? _judge;
    private InfluxCatalogue? _judging;
    private Task<bool> _tail = Task.FromResult(true);
    private volatile Exception? _failure;
    private readonly ServerReach _reach;
    private volatile bool _reset, _stale;
    private bool _holding;

    public WritePipeline(InfluxOptions options, InfluxClient client, TimeProvider time)
    {
        (_options, _client, _time) = (options, client, time);
        _sender = new GroupSender(client, options);
        _reach = new ServerReach(client, time, _stop.Token);
        _slots = new SemaphoreSlim(options.Writers, options.Writers);
        _loop = Task.Run(LoopAsync);
    }

    /// <summary>False from a failed request until the server answers again.</summary>
    public bool Available => _reach.Available;

    /// <summary>Queues the work in the order of the calls; returns when it is committed.</summary>
    public async Task RunAsync(Work work, CancellationToken cancellation)
    {
        try
        {
            await _waiting.Writer.WriteAsync(work, cancellation);
        }
        catch (ChannelClosedException)
        {
            throw new StoreUnavailableException("the telemetry store is closing");
        }

        // Not cancellable from here: it may be committed at any moment.
        await work.Done.Task;
    }

    /// <summary>
    /// What the database holds, read on first use and again after every outage. While the server is away a reader gets what was known before; a writer
    /// waits for the truth.
    /// </summary>
    public async Task<InfluxCatalogue> CatalogueAsync(CancellationToken cancellation, bool toWrite = false)
    {
        if (_catalogue is { } known && (!_stale || (!toWrite && !Available))) return known;
        await _loading.WaitAsync(cancellation);
        try
        {
            if (_catalogue is { } loaded && !_stale) return loaded;
            _stale = false;
            return _catalogue = await new CatalogueLoader(_client, _options, _time).LoadAsync(cancellation);
        }
        catch (Exception e)
        {
            _stale = true;
            Note(e);
            throw;
        }
        finally
        {
            _loading.Release();
        }
    }

    private async Task LoopAsync()
    {
        while (await _waiting.Reader.WaitToReadAsync())
        {
            // First a free writer, then the group: what arrives while all are busy goes together.
            await HoldAsync();
            var records = 0;
            while (records < _options.LinesPerWrite && _waiting.Reader.TryRead(out var work))
            {
                try
                {
                    if (_reset) await SettleBackAsync();
                    await TakeAsync(work);
                    records = _judge?.Group.Records ?? 0;
                }
                catch (Exception e)
                {
                    await FailAsync(work, e);
                }
            }

            Launch();
            await MergeLongAsync();
        }

        await _tail;
    }

    private async Task TakeAsync(Work work)
    {
        var catalogue = await CatalogueAsync(_stop.Token, toWrite: true);
        if (_judge is null || _judging != catalogue)
        {
            _judging = catalogue;
            _judge = new EntryJudge(_options, catalogue, new StoredRows(_client, _options, catalogue, _stop.Token), _time, SettleAsync);
        }

        if (work.Alone is { } alone)
        {
            await SettleAsync();
            await alone(catalogue);
            work.Done.SetResult();
            return;
        }

        for (var k = 0; k < work.Entries.Count; k++) work.Outcomes[k] = await _judge.JudgeAsync(work, k);
        _judge.Group.Works.Add(work);
    }

    /// <summary>Waits until everything judged so far is committed; throws when it could not be.</summary>
    private async Task SettleAsync()
    {
        Launch();
        var well = await _tail;
        await HoldAsync();
        if (!well) throw new StoreUnavailableException("an earlier write failed; send again later", _failure);
    }

    private async Task HoldAsync()
    {
        if (_holding) return;
        await _slots.WaitAsync();
        _holding = true;
    }

    /// <summary>Hands the current group to a writer.</summary>
    private void Launch()
    {
        if (!_holding) return;
        _holding = false;
        if (_judge is not { } judge || (judge.Group.Works.Count == 0 && judge.Group.Pieces.Count == 0 && judge.Group.Ledger.Count == 0 && judge.Group.Own.Length == 0)) { _slots.Release(); return; }
        var (group, catalogue, previous) = (judge.Group, _judging!, _tail);
        judge.Group = new WriteGroup();
        _tail = Task.Run(() => WriteAsync(group, catalogue, previous));
    }

    private async Task<bool> WriteAsync(WriteGroup group, InfluxCatalogue catalogue, Task<bool> previous)
    {
        Exception? failure = null;
        try
        {
            await _sender.SendAsync(group, (_time.GetUtcNow() - DateTimeOffset.UnixEpoch).Ticks * 100, _stop.Token);
        }
        catch (Exception e)
        {
            failure = e;
        }
        finally
        {
            _slots.Release();
        }

        var before = await previous;
        if (failure is null && before) Commit(group, catalogue);
        else Refuse(group, failure ?? _failure ?? new StoreUnavailableException("an earlier write failed; send again later"));
        group.Dispose();
        return failure is null && before;
    }

    private void Commit(WriteGroup group, InfluxCatalogue catalogue)
    {
        lock (catalogue.Lock)
        {
            foreach (var change in group.Commits) change();
            foreach (var (stream, row) in group.Ledger) catalogue.Commit(stream, row, _options.LedgerRowsPerStream);
            foreach (var piece in group.Pieces)
                foreach (var row in GroupSender.RowsOf(piece))
                    catalogue.Commit(piece.Stream, row, _options.LedgerRowsPerStream);
        }

        // The judge took the refused records for stored.
        if (group.Pieces.Exists(p => p.Refused.Count > 0)) _reset = true;
        _reach.Found();
        foreach (var work in group.Works) work.Done.TrySetResult();
    }

    private void Refuse(WriteGroup group, Exception failure)
    {
        Note(failure);
        _failure = failure;
        _reset = true;
        SendBack(failure);
        foreach (var work in group.Works) work.Done.TrySetException(Outward(failure));
    }

    private async Task FailAsync(Work work, Exception failure)
    {
        Note(failure);
        SendBack(failure);
        await SettleBackAsync();
        work.Done.TrySetException(Outward(failure));
    }

    /// <summary>Everything that waits would meet the same answer, one after the other; what comes after this is new.</summary>
    private void SendBack(Exception failure)
    {
        if (failure is not StoreUnavailableException or SeriesLimitException) return;
        for (var k = _waiting.Reader.Count; k > 0 && _waiting.Reader.TryRead(out var work); k--) work.Done.TrySetException(Outward(failure));
    }

    /// <summary>After a failure: waits for what is in flight and forgets what is not committed.</summary>
    private async Task SettleBackAsync()
    {
        Launch();
        await _tail;
        _tail = Task.FromResult(true);
        (_failure, _reset) = (null, false);
        _judge?.Reset();
        await HoldAsync();
    }

    // A new exception for each waiter: they are thrown in different places.
    private static Exception Outward(Exception failure) => failure switch
    {
        SeriesLimitException => new SeriesLimitException(failure.Message),
        StoreUnavailableException => new StoreUnavailableException(failure.Message, failure),
        OperationCanceledException => new StoreUnavailableException("the telemetry store is closing", failure),
        _ => failure,
    };

    private async Task MergeLongAsync()
    {
        if (_judging is not { } catalogue || _judge is null) return;
        foreach (var stream in catalogue.LongLedgers(_options.LedgerRowsPerStream))
        {
            try
            {
                await HoldAsync();
                await SettleAsync();
                await new LedgerMerge(_client, _options, catalogue).MergeAsync(stream, _stop.Token);
            }
            catch (StoreUnavailableException e)
            {
                // What was answered is committed; the merge comes again after the next rows.
                Note(e);
                return;
            }
            finally
            {
                Launch();
            }
        }
    }

    private void Note(Exception failure)
    {
        if (failure is not StoreUnavailableException or SeriesLimitException) return;
        // A server that was away may have lost what it had acknowledged: the catalogue is read again, and checked against the rows.
        _stale = true;
        _reach.Lost();
    }

    public async ValueTask DisposeAsync()
    {
        _waiting.Writer.TryComplete();
        // What is queued is still written when the server answers; one that does not is not waited for.
        await Task.WhenAny(_loop, Task.Delay(TimeSpan.FromSeconds(_options.TimeoutSeconds), CancellationToken.None));
        await _stop.CancelAsync();
        await _loop;
        _stop.Dispose();
        _slots.Dispose();
        _loading.Dispose();
    }
}
