using BattKomp.Lab.Domain.Access;
using BattKomp.Lab.Server.Features.Live;
using BattKomp.Lab.Telemetry;
using BattKomp.Lab.V1;
using Grpc.Core;
using StreamKey = BattKomp.Lab.Telemetry.StreamKey;

namespace BattKomp.Lab.Server.Features.Ingest;

/// <summary>What one call works with.</summary>
internal sealed record IngestParts(ITelemetryStore Store, IRunRegister Runs, ILiveFeed Live, ProgressReporter Progress);

/// <summary>
/// One agent's call: entries are read, placed and handed to the store without waiting for its commit; acknowledgements follow in the
/// order of arrival when it has committed. What is in flight is bounded, so a slow store slows the agent and not the memory.
/// </summary>
internal sealed class IngestCall(IngestParts parts, AgentCaller agent, string? asideReason)
{
    private const int MostEntries = 8192, MostRecords = 262_144;
    private readonly System.Threading.Channels.Channel<Pending> _pending = System.Threading.Channels.Channel.CreateBounded<Pending>(MostEntries);
    private readonly Dictionary<StreamKey, StreamInfo> _streams = [];
    private readonly EntryMap _map = new();
    private readonly SemaphoreSlim _recordsFell = new(0, 1);
    private int _records;

    private sealed record Pending(Entry Source, StreamEntry Entry, StreamInfo Info, Task<IReadOnlyList<AppendOutcome>> Append);

    /// <summary>What this call knows of a stream; the fields of asking belong to the answering side.</summary>
    private sealed class StreamInfo
    {
        public string Run { get; set; } = "";
        public bool Looked { get; set; }
        public long? AskedFrom { get; set; }
        public bool GaveUp { get; set; }
        public long AskedUpTo { get; set; } = -1;
    }

    /// <summary>Takes entries until the agent ends its side.</summary>
    public async Task ReadAsync(IAsyncStreamReader<IngestRequest> requests, CancellationToken cancel)
    {
        try
        {
            await foreach (var request in requests.ReadAllAsync(cancel))
                if (request.Entry is { } entry)
                    await TakeAsync(entry, cancel);
        }
        finally
        {
            _pending.Writer.TryComplete();
        }
    }

    /// <summary>Asks for what the ledger misses of this agent's streams; called before the first entry is read.</summary>
    public async Task AskForGapsAsync(IngestHello hello, IServerStreamWriter<IngestReply> replies, CancellationToken cancel)
    {
        var resuming = hello.Resuming.Select(EntryMap.Key).ToHashSet();
        foreach (var stream in await parts.Store.GetUnfinishedStreamsAsync(agent.Name, cancel))
        {
            foreach (var gap in stream.Gaps) await replies.WriteAsync(Resend(stream.Key, gap.First, gap.Last), cancel);
            // Nobody has closed it and the agent holds nothing un-acknowledged of it: a server restored from a backup may have
            // forgotten what it acknowledged.
            if (stream.Expected < 0 && !resuming.Contains(stream.Key)) await replies.WriteAsync(Resend(stream.Key, stream.MaxSeq + 1, -1), cancel);
        }
    }

    /// <summary>Answers in order of arrival; acknowledgements of neighbouring entries of a stream are joined.</summary>
    public async Task AnswerAsync(IServerStreamWriter<IngestReply> replies, CancellationToken cancel)
    {
        Ack? joined = null;
        while (await _pending.Reader.WaitToReadAsync(cancel))
        {
            while (_pending.Reader.TryRead(out var pending))
            {
                var outcome = (await pending.Append)[0];
                Landed(pending);
                foreach (var reply in await ReplyAsync(pending, outcome, cancel))
                {
                    if (joined is not null && reply.Ack is { } next && Joins(joined, next)) { joined.LastSeq = next.LastSeq; continue; }
                    if (joined is not null) await WriteAsync(replies, new IngestReply { Ack = joined }, more: true, cancel);
                    joined = reply.Ack;
                    if (reply.Ack is null) await WriteAsync(replies, reply, more: false, cancel);
                }

                var idle = !_pending.Reader.TryPeek(out var ahead) || !ahead.Append.IsCompleted;
                if (!idle || joined is null) continue;
                await WriteAsync(replies, new IngestReply { Ack = joined }, more: false, cancel);
                joined = null;
            }
        }
    }

    private async Task TakeAsync(Entry source, CancellationToken cancel)
    {
        var key = EntryMap.Key(source);
        if (!_streams.TryGetValue(key, out var info)) _streams[key] = info = new StreamInfo();
        var entry = await MapAsync(source, key, info, cancel);
        if (entry.Body is RecordsBody { Block: var block })
        {
            if (!info.Looked) await LookUpAsync(key, info, cancel);
            // Before the commit: a page shows a record some milliseconds earlier, and never one that does not arrive in the end.
            if (info.Run.Length > 0) parts.Live.Publish(info.Run, key, block);
            await TakeRoomAsync(block.Count, cancel);
        }

        await _pending.Writer.WriteAsync(new Pending(source, entry, info, parts.Store.AppendAsync([entry], cancel)), cancel);
    }

    private async Task<StreamEntry> MapAsync(Entry source, StreamKey key, StreamInfo info, CancellationToken cancel)
    {
        if (asideReason is not null) return EntryMap.Poison(source, asideReason);
        if (key.Agent != agent.Name) return EntryMap.Poison(source, $"key.agent is '{key.Agent}', but {agent.Name} sent it");
        if (source.BodyCase != Entry.BodyOneofCase.Opened) return _map.Map(source);
        if (await parts.Store.FindStreamAsync(key, cancel) is { } known)
        {
            (info.Run, info.Looked) = (known.Run, true);
            return EntryMap.Opened(source, new StreamPlacement(known.Run, known.QuarantineReason));
        }

        var placement = await parts.Runs.PlaceAsync(agent, key, EntryMap.Header(source.Opened), cancel);
        (info.Run, info.Looked) = (placement.Run, true);
        return EntryMap.Opened(source, placement);
    }

    private async Task LookUpAsync(StreamKey key, StreamInfo info, CancellationToken cancel)
    {
        info.Looked = true;
        info.Run = (await parts.Store.FindStreamAsync(key, cancel))?.Run ?? "";
        // The opening may come later on this same call, asked for again.
        if (info.Run.Length == 0) info.Looked = false;
    }

    private async Task TakeRoomAsync(int records, CancellationToken cancel)
    {
        while (Volatile.Read(ref _records) > MostRecords) await _recordsFell.WaitAsync(cancel);
        Interlocked.Add(ref _records, records);
    }

    private void Landed(Pending pending)
    {
        if (pending.Entry.Body is not RecordsBody { Block.Count: var count }) return;
        if (Interlocked.Add(ref _records, -count) <= MostRecords && _recordsFell.CurrentCount == 0) _recordsFell.Release();
    }

    private async Task<IReadOnlyList<IngestReply>> ReplyAsync(Pending pending, AppendOutcome outcome, CancellationToken cancel)
    {
        var (entry, info) = (pending.Entry, pending.Info);
        if (outcome.Result == AppendResult.UnknownStream)
        {
            if (info.AskedFrom is null)
            {
                info.AskedFrom = entry.FirstSeq;
                return [Resend(entry.Key, 0, -1)];
            }

            // Sent before our question reached the agent: it comes again with the rest.
            if (entry.FirstSeq > info.AskedFrom && !info.GaveUp) return [];
            info.GaveUp = true;
            var poison = EntryMap.Poison(pending.Source, "the stream's opening (sequence 0) never came");
            outcome = (await parts.Store.AppendAsync([poison], cancel))[0];
        }

        if (outcome.Result == AppendResult.Stored) parts.Progress.Note(entry, outcome.Run);
        var replies = new List<IngestReply> { new() { Ack = AckOf(pending.Source, entry, outcome) } };
        if (outcome.MissingBefore is { } missing && missing.Last > info.AskedUpTo)
        {
            info.AskedUpTo = missing.Last;
            replies.Add(Resend(entry.Key, missing.First, missing.Last));
        }

        return replies;
    }

    private static Ack AckOf(Entry source, StreamEntry entry, AppendOutcome outcome) => new()
    {
        Key = EntryMap.Key(entry.Key),
        FirstSeq = entry.FirstSeq,
        LastSeq = entry.Body is PoisonBody poison ? entry.FirstSeq + poison.Covers - 1 : entry.LastSeq,
        Quarantined = outcome.Result == AppendResult.Quarantined,
        Detail = outcome.Detail,
        Closed = source.BodyCase == Entry.BodyOneofCase.Closed,
    };

    private static bool Joins(Ack a, Ack b) =>
        !a.Quarantined && !b.Quarantined && !a.Closed && !b.Closed && b.FirstSeq == a.LastSeq + 1 && a.Key.Equals(b.Key);

    private static IngestReply Resend(StreamKey key, long first, long last) =>
        new() { Resend = new Resend { Key = EntryMap.Key(key), FirstSeq = first, LastSeq = last } };

    private static Task WriteAsync(IServerStreamWriter<IngestReply> replies, IngestReply reply, bool more, CancellationToken cancel)
    {
        replies.WriteOptions = more ? new WriteOptions(WriteFlags.BufferHint) : WriteOptions.Default;
        return replies.WriteAsync(reply, cancel);
    }
}
