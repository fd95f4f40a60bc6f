using System.Buffers;
using System.IO.Pipelines;
using BattKomp.Lab.EdgeAgent.Transports;

namespace BattKomp.Lab.EdgeAgent.Instruments.Sessions;

/// <summary>Takes a reply from what has arrived; false when more is needed. Advances <paramref name="input"/> past what it has decided.</summary>
public delegate bool TakeReply<T>(ref ReadOnlySequence<byte> input, out T reply);

/// <summary>Times of a request line, machine time.</summary>
/// <param name="Reply">Longest time from the end of a request to the end of its reply.</param>
/// <param name="Silence">Rest between what was last heard or said and the next request.</param>
/// <param name="Attempts">How often a question is asked before the line is given up.</param>
public sealed record RequestTiming(TimeSpan Reply, TimeSpan Silence, int Attempts = 2)
{
    /// <summary>Bits per second of the line, where one answer cannot be told from another's: the rest is then long enough for a second copy of the last one to arrive and be dropped. 0 = no need.</summary>
    public int Baud { get; init; }
}

/// <summary>The instrument did not answer in time, however often it was asked.</summary>
public sealed class NoReplyException(string message) : IOException(message);

/// <summary>
/// Question and answer on a line that numbers neither: one question at a time; whatever was not asked for is dropped before a question is sent. After a
/// time-out, and on a line just opened, everything that arrives for one more reply time is dropped too, and of several answers to the next question the last
/// counts: so a late reply never answers another question, also when the device lets go of it only with the next answer.
/// </summary>
public sealed class RequestLine(IInstrumentLine line, RequestTiming timing, TimeProvider machine) : IAsyncDisposable
{
    private const int DrainLimit = 4;
    private const double BitsPerByte = 11;
    private static readonly TimeSpan CopyMargin = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan Resync = TimeSpan.FromMilliseconds(100);
    private readonly SemaphoreSlim _turn = new(1, 1);
    private long _lastByte = machine.GetTimestamp();
    private long? _missedAt = machine.GetTimestamp();
    private long _dropped;
    private long _lastReplyBytes;

    /// <summary>Bytes that answered nothing, since the line was opened.</summary>
    public long Dropped => Volatile.Read(ref _dropped);

    /// <summary>Asks and waits for the reply.</summary>
    /// <exception cref="NoReplyException">No reply within the reply time on any attempt; <paramref name="what"/> is named.</exception>
    /// <exception cref="IOException">The line broke or never falls silent.</exception>
    public Task<T> AskAsync<T>(ReadOnlyMemory<byte> request, TakeReply<T> take, string what, CancellationToken cancel) =>
        AskAsync(request, take, what, timing.Attempts, cancel);

    /// <summary>As the other overload, with its own number of attempts.</summary>
    public async Task<T> AskAsync<T>(ReadOnlyMemory<byte> request, TakeReply<T> take, string what, int attempts, CancellationToken cancel)
    {
        await _turn.WaitAsync(cancel);
        try
        {
            for (var attempt = 0; attempt < attempts; attempt++)
            {
                var (answered, reply) = await AttemptAsync(request, take, cancel);
                if (answered)
                    return reply;
            }
        }
        finally
        {
            _turn.Release();
        }
        throw new NoReplyException($"No answer to \"{what}\" within {timing.Reply.TotalMilliseconds:0} ms, asked {attempts} time(s).");
    }

    /// <summary>Sends what has no reply of its own; whatever it makes the instrument say within a reply time answers no later question.</summary>
    public async Task SendAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancel)
    {
        await _turn.WaitAsync(cancel);
        try
        {
            await RestAsync(cancel);
            await line.SendAsync(bytes, cancel);
            _missedAt = _lastByte = machine.GetTimestamp();
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => line.DisposeAsync();

    private async Task<(bool Answered, T Reply)> AttemptAsync<T>(ReadOnlyMemory<byte> request, TakeReply<T> take, CancellationToken cancel)
    {
        var uncertain = _missedAt is not null;
        await DrainAsync(cancel);
        await RestAsync(cancel);
        DropWaiting();
        var done = false;
        try
        {
            await line.SendAsync(request, cancel);
            var sent = machine.GetTimestamp();
            while (await ReadAsync(timing.Reply - machine.GetElapsedTime(sent), cancel) is { } read)
            {
                var buffer = read.Buffer;
                var answered = take(ref buffer, out var reply);
                var taken = read.Buffer.Slice(0, buffer.Start).Length;
                // What follows a reply is looked at again by the next question, and dropped there.
                line.Input.AdvanceTo(buffer.Start, answered ? buffer.Start : buffer.End);
                if (answered)
                {
                    _lastReplyBytes = taken;
                    reply = uncertain ? await LastAsync(reply, take, cancel) : reply;
                    done = true;
                    return (true, reply);
                }
                Broken(read);
            }
            return (false, default!);
        }
        finally
        {
            // Also after a cancelled wait: the reply is still under way.
            if (!done)
                _missedAt = machine.GetTimestamp();
        }
    }

    private async Task<T> LastAsync<T>(T reply, TakeReply<T> take, CancellationToken cancel)
    {
        var started = machine.GetTimestamp();
        while (machine.GetElapsedTime(started) < timing.Reply && await ReadAsync(Resync, cancel) is { } read)
        {
            var buffer = read.Buffer;
            while (take(ref buffer, out var later))
                reply = later;
            line.Input.AdvanceTo(buffer.Start, buffer.End);
            if (read.IsCompleted)
                break;
        }
        return reply;
    }

    private async Task DrainAsync(CancellationToken cancel)
    {
        if (_missedAt is not { } missed)
            return;
        while (true)
        {
            var (since, quiet) = (machine.GetElapsedTime(missed), machine.GetElapsedTime(_lastByte));
            var left = Max(timing.Reply - since, timing.Silence - quiet);
            if (left <= TimeSpan.Zero)
                break;
            if (since > timing.Reply * DrainLimit)
                throw new IOException("The line never falls silent: nothing on it can be told apart from a late reply.");
            if (await ReadAsync(left, cancel) is { } read)
                Drop(read);
        }
        _missedAt = null;
    }

    private async Task RestAsync(CancellationToken cancel)
    {
        var copy = timing.Baud == 0 || _lastReplyBytes == 0 ? TimeSpan.Zero : CopyMargin + TimeSpan.FromSeconds(_lastReplyBytes * BitsPerByte / timing.Baud);
        var left = timing.Silence + copy - machine.GetElapsedTime(_lastByte);
        if (left > TimeSpan.Zero)
            await Task.Delay(left, machine, cancel);
    }

    private void DropWaiting()
    {
        while (line.Input.TryRead(out var read))
        {
            if (read.Buffer.IsEmpty && !read.IsCompleted)
            {
                line.Input.AdvanceTo(read.Buffer.End);
                return;
            }
            Drop(read);
        }
    }

    private void Drop(ReadResult read)
    {
        Interlocked.Add(ref _dropped, read.Buffer.Length);
        line.Input.AdvanceTo(read.Buffer.End);
        Broken(read);
    }

    // Null when the time is up. A read of the pipe may be cancelled: the port's own reader goes on.
    private async Task<ReadResult?> ReadAsync(TimeSpan within, CancellationToken cancel)
    {
        if (within <= TimeSpan.Zero)
            return null;
        using var deadline = new CancellationTokenSource(within, machine);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancel);
        try
        {
            var read = await line.Input.ReadAsync(either.Token);
            _lastByte = machine.GetTimestamp();
            return read;
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            return null;
        }
    }

    private static void Broken(ReadResult read)
    {
        if (read.IsCompleted)
            throw new IOException("The line ended.");
    }

    private static TimeSpan Max(TimeSpan a, TimeSpan b) => a > b ? a : b;
}
