using System.Text;
using BattKomp.Lab.Simulators.Instruments.Serial;

namespace BattKomp.Lab.Tests.EdgeAgent.Support;

/// <summary>A peer on a real pseudo-terminal that answers lines as a test says, also wrongly, late or not at all.</summary>
internal sealed class TextPeer : IDisposable
{
    private readonly PseudoTerminal _line = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly Thread _thread;
    private readonly List<string> _heard = [];

    public TextPeer(Func<string, string?> answer, string ending = "\n")
    {
        (Answer, Ending) = (answer, ending);
        _thread = new Thread(Run) { IsBackground = true };
        _thread.Start();
    }

    public string Path => _line.Path;

    public string Ending { get; }

    /// <summary>Line → reply without its end; null = none.</summary>
    public Func<string, string?> Answer { get; set; }

    /// <summary>Everything heard so far.</summary>
    public IReadOnlyList<string> Heard
    {
        get
        {
            lock (_heard)
                return [.. _heard];
        }
    }

    /// <summary>Says something unasked.</summary>
    public void Say(string text) => _line.Send(Encoding.Latin1.GetBytes(text));

    public void Dispose()
    {
        _stop.Cancel();
        _thread.Join();
        _line.Dispose();
        _stop.Dispose();
    }

    private void Run()
    {
        var waiting = new StringBuilder();
        while (!_stop.IsCancellationRequested)
        {
            var (_, bytes) = _line.Receive(TimeSpan.FromMilliseconds(20), _stop.Token);
            foreach (var c in Encoding.Latin1.GetString(bytes))
            {
                if (c is not ('\n' or '\r'))
                {
                    waiting.Append(c);
                    continue;
                }
                Hear(waiting.ToString());
                waiting.Clear();
            }
        }
    }

    private void Hear(string line)
    {
        lock (_heard)
            _heard.Add(line);
        if (Answer(line) is { } reply)
            _line.Send(Encoding.Latin1.GetBytes(reply + Ending));
    }
}
