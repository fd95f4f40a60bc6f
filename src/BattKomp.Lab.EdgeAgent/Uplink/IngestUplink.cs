using System.Threading.Channels;
using BattKomp.Lab.EdgeAgent.Journal;
using BattKomp.Lab.V1;
using Google.Protobuf;
using Grpc.Core;
using Channel = System.Threading.Channels.Channel;

namespace BattKomp.Lab.EdgeAgent.Uplink;

/// <summary>
/// Sends the journal to the server: every entry in order, several in flight, the cursor moved only by acknowledgements. A broken call is begun again from
/// the cursor; what was sent twice the server knows by its sequences. Nothing is ever dropped here.
/// </summary>
public sealed class IngestUplink(AgentJournal journal, CallInvoker server, string agent, string boot, TimeProvider machine, Action<string>? log = null, long bootOrder = 0)
{
    private const int MaxInFlight = 256;
    private static readonly TimeSpan CursorInterval = TimeSpan.FromSeconds(1);
    private readonly BackOff _backOff = new(TimeSpan.FromMilliseconds(100), TimeSpan.FromSeconds(5), machine);
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
        using var flight = new InFlight(MaxInFlight);
        var resends = Channel.CreateUnbounded<Resend>();
        using var call = server.AsyncDuplexStreamingCall(RawIngest.Method, null, new CallOptions(cancellationToken: ends.Token));
        await call.RequestStream.WriteAsync(Hello().ToByteArray(), ends.Token);
        var receiving = ReceiveAsync(call.ResponseStream, flight, resends.Writer, ends.Token);
        var sending = SendAsync(call.RequestStream, flight, resends.Reader, ends.Token);
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

    private async Task ReceiveAsync(IAsyncStreamReader<IngestReply> replies, InFlight flight, ChannelWriter<Resend> resends, CancellationToken cancel)
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
                if (flight.Acknowledge(reply.Ack) is { } moved)
                    MoveCursor(moved);
                EntriesInFlight = flight.Count;
            }
        }
    }

    private void MoveCursor(JournalPosition moved)
    {
        journal.Acknowledge(moved);
        if (machine.GetElapsedTime(_cursorKept) < CursorInterval)
            return;
        _cursorKept = machine.GetTimestamp();
        journal.PersistCursor();
    }

    private async Task SendAsync(IClientStreamWriter<byte[]> requests, InFlight flight, ChannelReader<Resend> resends, CancellationToken cancel)
    {
        using var reader = journal.Read(journal.AckCursor);
        Task<bool>? asked = null;
        while (!cancel.IsCancellationRequested)
        {
            while (resends.TryRead(out var resend))
                await SendAgainAsync(requests, resend, cancel);
            if (reader.TryRead() is { } frame)
            {
                await flight.WaitForRoomAsync(cancel);
                flight.Add(frame);
                EntriesInFlight = flight.Count;
                await requests.WriteAsync(RawIngest.Wrap(frame.Payload), cancel);
                continue;
            }
            asked = asked is null or { IsCompleted: true } ? resends.WaitToReadAsync(cancel).AsTask() : asked;
            await await Task.WhenAny(journal.WaitBeyondAsync(reader.Position, cancel), asked);
        }
    }

    private async Task SendAgainAsync(IClientStreamWriter<byte[]> requests, Resend resend, CancellationToken cancel)
    {
        var last = resend.LastSeq < 0 ? long.MaxValue : resend.LastSeq;
        foreach (var segment in journal.SegmentsWith(resend.Key, resend.FirstSeq, last))
        {
            using var reader = journal.Read(new JournalPosition(segment, 0));
            while (reader.TryRead() is { } frame && frame.Position.Segment == segment)
            {
                var peek = EntryPeek.Of(frame.Payload);
                if (peek.Key.Equals(resend.Key) && peek.LastSeq >= resend.FirstSeq && peek.FirstSeq <= last)
                    await requests.WriteAsync(RawIngest.Wrap(frame.Payload), cancel);
            }
        }
    }
}
