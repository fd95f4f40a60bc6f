using System.Threading.Channels;
using BattKomp.Lab.EdgeAgent.Journal;
using BattKomp.Lab.V1;
using Google.Protobuf;
using Grpc.Core;
using Channel = System.Threading.Channels.Channel;

namespace BattKomp.Lab.EdgeAgent.Uplink;

/// <summary>
/// Sends the journal to the server: several entries in flight, the cursor moved only by acknowledgements. A broken call is begun again from the cursor; what
/// was sent twice the server knows by its sequences. After an outage new entries go first and the backlog behind, at a limited rate (decision 0051). Nothing is
/// ever dropped here.
/// </summary>
public sealed class IngestUplink(
    AgentJournal journal, CallInvoker server, string agent, string boot, TimeProvider machine, Action<string>? log = null, long bootOrder = 0, UplinkOptions? options = null)
{
    private static readonly TimeSpan HistoryTick = TimeSpan.FromMilliseconds(5);
    private readonly UplinkOptions _options = options ?? new UplinkOptions();
    private static readonly TimeSpan CursorInterval = TimeSpan.FromSeconds(1);
    private readonly BackOff _backOff = new(TimeSpan.FromMilliseconds(100), TimeSpan.FromSeconds(5), machine);
    private readonly Lock _cursorGate = new();
    private long _cursorKept;

    /// <summary>Entries sent and not acknowledged on the present call.</summary>
    public int EntriesInFlight { get; private set; }

    /// <summary>True while a call stands.</summary>
    public bool Connected { get; private set; }

    /// <summary>Runs until cancelled; a server that is away or refuses is tried again for ever.</summary>
    public async Task RunAsync(CancellationToken cancel)
    {
        while (!cancel.IsCancellationRequested)
        {
            try
            {
                await OneCallAsync(cancel);
            }
            catch (Exception e) when (e is RpcException or IOException or HttpRequestException or InvalidOperationException && !cancel.IsCancellationRequested)
            {
                log?.Invoke($"uplink: {Reason(e)}");
            }
            catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
            {
                log?.Invoke("uplink: the server ended the call");
            }
            catch (Exception e) when (cancel.IsCancellationRequested && e is OperationCanceledException or RpcException)
            {
                break;
            }
            Connected = false;
            if (!cancel.IsCancellationRequested)
                await _backOff.WaitAsync(cancel).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
        Connected = false;
        journal.PersistCursor();
    }

    private static string Reason(Exception e) => e is RpcException rpc ? $"{rpc.StatusCode}: {rpc.Status.Detail}" : e.Message;

    private async Task OneCallAsync(CancellationToken cancel)
    {
        using var ends = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        using var lanes = new Lanes(journal, _options);
        var resends = Channel.CreateUnbounded<Resend>();
        using var call = server.AsyncDuplexStreamingCall(RawIngest.Method, null, new CallOptions(cancellationToken: ends.Token));
        await call.RequestStream.WriteAsync(Hello().ToByteArray(), ends.Token);
        var receiving = ReceiveAsync(call.ResponseStream, lanes, resends.Writer, ends.Token);
        var sending = SendAsync(call.RequestStream, lanes, resends.Reader, ends.Token);
        var first = await Task.WhenAny(receiving, sending);
        await ends.CancelAsync();
        await Task.WhenAll(receiving, sending).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await first;
    }

    private IngestRequest Hello()
    {
        var hello = new IngestHello { Agent = agent, Boot = boot, BootOrder = bootOrder };
        hello.Resuming.AddRange(journal.Query(s => s.OpenStreams.Select(o => o.ToKey()).ToList()));
        return new IngestRequest { Hello = hello };
    }

    private async Task ReceiveAsync(IAsyncStreamReader<IngestReply> replies, Lanes lanes, ChannelWriter<Resend> resends, CancellationToken cancel)
    {
        await foreach (var reply in replies.ReadAllAsync(cancel))
        {
            Connected = true;
            _backOff.Reset();
            if (reply.ReplyCase == IngestReply.ReplyOneofCase.Resend)
            {
                await resends.WriteAsync(reply.Resend, cancel);
            }
            else if (reply.ReplyCase == IngestReply.ReplyOneofCase.Ack)
            {
                if (reply.Ack.Quarantined)
                    log?.Invoke($"uplink: the server keeps {reply.Ack.Key.Stream} {reply.Ack.FirstSeq}–{reply.Ack.LastSeq} in quarantine: {reply.Ack.Detail}");
                if (lanes.Acknowledge(reply.Ack) is { } moved)
                    MoveCursor(moved);
                EntriesInFlight = lanes.InFlight;
            }
        }
    }

    private void MoveCursor(JournalPosition moved)
    {
        journal.Acknowledge(moved);
        lock (_cursorGate)
        {
            if (machine.GetElapsedTime(_cursorKept) < CursorInterval)
                return;
            _cursorKept = machine.GetTimestamp();
            journal.PersistCursor();
        }
    }

    private async Task SendAsync(IClientStreamWriter<byte[]> requests, Lanes lanes, ChannelReader<Resend> resends, CancellationToken cancel)
    {
        if (lanes.History is not null)
            await OpenStreamsFirstAsync(requests, cancel);
        var pace = new Pace(_options.HistoryBytesPerSecond, machine);
        Task<bool>? asked = null;
        Task? grown = null;
        while (!cancel.IsCancellationRequested)
        {
            while (resends.TryRead(out var resend))
                await SendAgainAsync(requests, lanes, resend, cancel);
            if (lanes.Live.TryRead() is { } fresh)
            {
                await lanes.Live.Flight.WaitForRoomAsync(cancel);
                await SendOneAsync(requests, lanes, lanes.Live, fresh, cancel);
                continue;
            }
            if (lanes.History is { Exhausted: false } history && pace.IsFree && history.Flight.TryTakeRoom())
            {
                if (history.TryRead() is { } old)
                {
                    pace.Spend(old.Payload.Length);
                    await SendOneAsync(requests, lanes, history, old, cancel);
                    continue;
                }
                history.Flight.GiveRoomBack();
                if (lanes.Settle() is { } moved)
                    MoveCursor(moved);
            }
            asked = asked is null or { IsCompleted: true } ? resends.WaitToReadAsync(cancel).AsTask() : asked;
            grown = grown is null or { IsCompleted: true } ? journal.WaitBeyondAsync(lanes.Live.Position, cancel) : grown;
            await await (lanes.History is { Exhausted: false } ? Task.WhenAny(grown, asked, Task.Delay(HistoryTick, machine, cancel)) : Task.WhenAny(grown, asked));
        }
    }

    private async Task SendOneAsync(IClientStreamWriter<byte[]> requests, Lanes lanes, Lane lane, JournalFrame frame, CancellationToken cancel)
    {
        lane.Flight.Add(frame);
        EntriesInFlight = lanes.InFlight;
        await requests.WriteAsync(RawIngest.Wrap(frame.Payload), cancel);
    }

    // The server knows a stream by its opening: that of every open stream goes ahead of the live lane, and again in its place in the history.
    private async Task OpenStreamsFirstAsync(IClientStreamWriter<byte[]> requests, CancellationToken cancel)
    {
        var from = journal.AckCursor;
        var open = journal.Query(s => s.OpenStreams.Select(o => o.ToKey()).ToHashSet());
        foreach (var segment in open.SelectMany(key => journal.SegmentsWith(key, 0, 0)).Distinct().Order())
        {
            using var reader = journal.Read(new JournalPosition(segment, segment == from.Segment ? from.Offset : 0));
            while (reader.TryRead() is { } frame && frame.Position.Segment == segment)
                if (frame.Position.CompareTo(from) >= 0 && EntryPeek.Of(frame.Payload) is { FirstSeq: 0, Body: Entry.BodyOneofCase.Opened } peek && open.Contains(peek.Key))
                    await requests.WriteAsync(RawIngest.Wrap(frame.Payload), cancel);
        }
    }

    private async Task SendAgainAsync(IClientStreamWriter<byte[]> requests, Lanes lanes, Resend resend, CancellationToken cancel)
    {
        var last = resend.LastSeq < 0 ? long.MaxValue : resend.LastSeq;
        var held = new List<(long First, long Last)>();
        foreach (var segment in journal.SegmentsWith(resend.Key, resend.FirstSeq, last))
        {
            using var reader = journal.Read(new JournalPosition(segment, 0));
            while (reader.TryRead() is { } frame && frame.Position.Segment == segment)
            {
                var peek = EntryPeek.Of(frame.Payload);
                if (!peek.Key.Equals(resend.Key) || peek.LastSeq < resend.FirstSeq || peek.FirstSeq > last)
                    continue;
                held.Add((peek.FirstSeq, peek.LastSeq));
                if (!lanes.IsStillToCome(frame.Position))
                    await requests.WriteAsync(RawIngest.Wrap(frame.Payload), cancel);
            }
        }
        TellWhatIsGone(resend, last, held);
    }

    private void TellWhatIsGone(Resend resend, long last, List<(long First, long Last)> held)
    {
        var next = resend.FirstSeq;
        foreach (var (first, end) in held.Order())
        {
            if (first > next)
                log?.Invoke($"uplink: the server asks for {resend.Key.Boot} {resend.Key.Stream} {next}–{first - 1}; this journal holds it no longer");
            next = Math.Max(next, end + 1);
        }
        if (last != long.MaxValue && next <= last)
            log?.Invoke($"uplink: the server asks for {resend.Key.Boot} {resend.Key.Stream} {next}–{last}; this journal holds it no longer");
    }
}
