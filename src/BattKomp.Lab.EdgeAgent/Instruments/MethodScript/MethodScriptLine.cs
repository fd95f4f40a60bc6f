using System.Buffers;
using System.Text;
using BattKomp.Lab.EdgeAgent.Transports;

namespace BattKomp.Lab.EdgeAgent.Instruments.MethodScript;

/// <summary>Lines of a potentiostat, empty ones included, each handed on once and in order; and waits for one that fits.</summary>
internal sealed class MethodScriptLine(IInstrumentLine line, TimeProvider machine, Action<string> onLine, Action<Exception> onEnd) : IAsyncDisposable
{
    private const int LongestLine = 4096;
    private readonly Lock _gate = new();
    private readonly List<(Func<string, bool> Fits, TaskCompletionSource<string> Came)> _waiting = [];
    private Task _reading = Task.CompletedTask;
    private Exception? _ended;

    public void Start() => _reading = Task.Run(ReadAsync);

    /// <summary>Sends text and waits for the first line that fits; null after the time is up.</summary>
    public async Task<string?> AskAsync(string text, Func<string, bool> fits, TimeSpan within, CancellationToken cancel)
    {
        var came = Expect(fits);
        await SendAsync(text, cancel);
        return await AwaitAsync(came, within, cancel);
    }

    /// <summary>Registers a wait before what it waits for can come.</summary>
    public Task<string> Expect(Func<string, bool> fits)
    {
        var came = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_gate)
        {
            if (_ended is { } ended)
                came.SetException(ended);
            else
                _waiting.Add((fits, came));
        }
        return came.Task;
    }

    /// <summary>The awaited line, or null after the time is up.</summary>
    public async Task<string?> AwaitAsync(Task<string> came, TimeSpan within, CancellationToken cancel)
    {
        try
        {
            return await came.WaitAsync(within, machine, cancel);
        }
        catch (TimeoutException)
        {
            lock (_gate)
                _waiting.RemoveAll(w => w.Came.Task == came);
            return null;
        }
    }

    public Task SendAsync(string text, CancellationToken cancel) => line.SendAsync(Encoding.ASCII.GetBytes(text), cancel);

    public async ValueTask DisposeAsync()
    {
        await line.DisposeAsync();
        await _reading.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private async Task ReadAsync()
    {
        try
        {
            while (true)
            {
                var read = await line.Input.ReadAsync();
                var buffer = read.Buffer;
                while (buffer.PositionOf((byte)'\n') is { } end)
                {
                    var text = buffer.Slice(0, end);
                    // A longer line is noise.
                    if (text.Length <= LongestLine)
                        Came(Encoding.Latin1.GetString(text).TrimEnd('\r'));
                    buffer = buffer.Slice(buffer.GetPosition(1, end));
                }
                line.Input.AdvanceTo(buffer.Length > LongestLine ? buffer.End : buffer.Start, buffer.End);
                if (read.IsCompleted)
                    throw new IOException("The line ended.");
            }
        }
        catch (Exception e)
        {
            var error = e as IOException ?? new IOException($"The line broke: {e.Message}", e);
            lock (_gate)
            {
                _ended = error;
                foreach (var (_, came) in _waiting)
                    if (came.TrySetException(error))
                        _ = came.Task.Exception;
                _waiting.Clear();
            }
            onEnd(error);
        }
    }

    private void Came(string text)
    {
        onLine(text);
        lock (_gate)
            for (var k = _waiting.Count - 1; k >= 0; k--)
                if (_waiting[k].Fits(text))
                {
                    _waiting[k].Came.TrySetResult(text);
                    _waiting.RemoveAt(k);
                }
    }
}
