using System.Buffers;
using System.Text;
using BattKomp.Lab.EdgeAgent.Instruments.Sessions;
using BattKomp.Lab.EdgeAgent.Transports;

namespace BattKomp.Lab.EdgeAgent.Instruments.Scpi;

/// <summary>
/// Questions and settings as lines of text. A reply that does not read as what was asked for (noise, a late reply, half a line) is dropped and the wait goes
/// on to its deadline; <see cref="RequestLine"/> then drains before it asks again. Commands that start a self-test or calibration cannot be sent.
/// </summary>
public sealed class AsciiLine(IInstrumentLine line, string ending, RequestTiming timing, TimeProvider machine) : IAsyncDisposable
{
    private const int LongestReply = 4096;
    private readonly RequestLine _requests = new(line, timing, machine);

    /// <summary>Asks and reads the first line that <paramref name="read"/> understands.</summary>
    /// <exception cref="NoReplyException">None came in time.</exception>
    public Task<T> AskAsync<T>(string question, Func<string, T?> read, CancellationToken cancel) where T : struct
    {
        bool Take(ref ReadOnlySequence<byte> input, out T reply)
        {
            while (TryLine(ref input, out var text))
            {
                if (read(text) is not { } found)
                    continue;
                reply = found;
                return true;
            }
            reply = default;
            return false;
        }
        return _requests.AskAsync<T>(Encode(question), Take, question, cancel);
    }

    /// <summary>Asks for any text that <paramref name="fits"/>.</summary>
    public async Task<string> AskTextAsync(string question, Func<string, bool> fits, CancellationToken cancel) =>
        (await AskAsync<Text>(question, l => ScpiText.IsText(l) && fits(l) ? new Text(l) : null, cancel)).Value;

    /// <summary>Sends what has no reply.</summary>
    public Task SendAsync(string command, CancellationToken cancel) => _requests.SendAsync(Encode(command), cancel);

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => _requests.DisposeAsync();

    /// <summary>True for a command that would let the device drive its output, or change itself, by its own program.</summary>
    public static bool IsForbidden(string command) => command.Split(';').Any(part =>
    {
        var header = ScpiText.Header(part.Trim().Split(' ')[0]).TrimEnd('?');
        return header.Contains("TST", StringComparison.Ordinal) || header.Contains("TEST", StringComparison.Ordinal)
            || header.StartsWith("DIAG", StringComparison.Ordinal) || header.StartsWith("CAL", StringComparison.Ordinal) || header.StartsWith("*CAL", StringComparison.Ordinal);
    });

    /// <summary>Takes the next line that is not empty, without its end; a line that never ends is dropped.</summary>
    public static bool TryLine(ref ReadOnlySequence<byte> input, out string text)
    {
        while (!input.IsEmpty)
        {
            var reader = new SequenceReader<byte>(input);
            if (!reader.TryReadToAny(out ReadOnlySequence<byte> found, "\r\n"u8))
            {
                if (input.Length > LongestReply)
                    input = input.Slice(input.End);
                break;
            }
            input = input.Slice(reader.Position);
            if (found.Length is > 0 and <= LongestReply)
            {
                text = Encoding.Latin1.GetString(found).Trim();
                return true;
            }
        }
        text = "";
        return false;
    }

    private byte[] Encode(string command) => IsForbidden(command)
        ? throw new InvalidOperationException($"\"{command}\" is never sent: a self-test or calibration may drive the output through a wired cell.")
        : Encoding.ASCII.GetBytes(command + ending);

    private readonly record struct Text(string Value);
}
