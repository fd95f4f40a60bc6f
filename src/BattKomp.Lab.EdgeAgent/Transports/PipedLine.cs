using System.Buffers;
using System.IO.Pipelines;

namespace BattKomp.Lab.EdgeAgent.Transports;

/// <summary>A byte line to an instrument. Broken once, it stays broken: a new one is opened.</summary>
public interface IInstrumentLine : IAsyncDisposable
{
    /// <summary>What arrives. Completes with the error when the line breaks.</summary>
    PipeReader Input { get; }

    /// <summary>Sends bytes; throws <see cref="IOException"/> when the line is or gets broken. Once begun, a frame is sent whole: <paramref name="cancel"/> counts only before.</summary>
    Task SendAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancel);
}

/// <summary>
/// What all lines share: arrivals go into a pipe, whole frames go out one after the other, and the first failure of any kind breaks the line once and for
/// all. Nothing here waits for the device: releasing it is the transport's matter, aside.
/// </summary>
public abstract class PipedLine : IInstrumentLine
{
    private static readonly TimeSpan SendPatience = TimeSpan.FromSeconds(2);
    private readonly Pipe _pipe;
    private readonly Lock _gate = new();
    private readonly SemaphoreSlim _sending = new(1);
    private readonly double _bytesPerSecond;
    private bool _broken;

    /// <summary><paramref name="bound"/>: unread bytes at which the reader is paused; 0 where the peer cannot be paused and would lose them.</summary>
    protected PipedLine(string name, long bound, double bytesPerSecond)
    {
        (Name, _bytesPerSecond) = (name, bytesPerSecond);
        _pipe = new Pipe(new PipeOptions(pauseWriterThreshold: bound, resumeWriterThreshold: bound / 2, useSynchronizationContext: false));
    }

    /// <inheritdoc/>
    public PipeReader Input => _pipe.Reader;

    /// <summary>Device path or address, for messages.</summary>
    protected string Name { get; }

    /// <summary>True once broken or disposed.</summary>
    protected bool Broken
    {
        get
        {
            lock (_gate)
                return _broken;
        }
    }

    /// <inheritdoc/>
    public async Task SendAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancel)
    {
        await _sending.WaitAsync(cancel);
        try
        {
            if (Broken)
                throw new IOException($"The line {Name} is broken.");
            // A peer that takes nothing must not hold its driver for ever; a slow one gets the time that its speed needs.
            await WriteAsync(bytes).WaitAsync(SendPatience + TimeSpan.FromSeconds(bytes.Length / _bytesPerSecond), CancellationToken.None);
        }
        catch (Exception e) when (e is not IOException || !Broken)
        {
            Break(e is TimeoutException ? new IOException("it took no bytes in time", e) : e);
            throw new IOException($"The line {Name} broke while writing: {e.Message}", e);
        }
        finally
        {
            _sending.Release();
        }
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        Break(null);
        return ValueTask.CompletedTask;
    }

    /// <summary>Hands the whole frame to the system; called one at a time.</summary>
    protected abstract Task WriteAsync(ReadOnlyMemory<byte> bytes);

    /// <summary>Gives the device back, without waiting for it. Called once.</summary>
    protected abstract void Release();

    /// <summary>Passes on what arrived; await the result before reading more. Nothing is passed on after a break.</summary>
    protected internal Task Deliver(ReadOnlySpan<byte> bytes)
    {
        lock (_gate)
        {
            if (_broken)
                return Task.CompletedTask;
            _pipe.Writer.Write(bytes);
            var flushed = _pipe.Writer.FlushAsync(CancellationToken.None);
            return flushed.IsCompletedSuccessfully ? Task.CompletedTask : flushed.AsTask();
        }
    }

    /// <summary>Breaks the line; only the first cause counts. The reader learns of it behind the last byte.</summary>
    protected internal void Break(Exception? cause)
    {
        lock (_gate)
        {
            if (_broken)
                return;
            _broken = true;
            _pipe.Writer.Complete(new IOException($"The line {Name} broke: {cause?.Message ?? "closed"}", cause));
        }
        Release();
    }
}
