using System.Text;

namespace BattKomp.Lab.Simulators.Instruments.Serial;

/// <summary>Collects bytes into lines ended by LF, CR or both; empty lines are skipped unless asked for, overlong ones cut off.</summary>
public sealed class TextLines
{
    private const int Longest = 4096;
    private readonly List<byte> _held = [];

    /// <summary>Takes bytes as they come; gives each whole line, its terminator and outer blanks removed.</summary>
    public IReadOnlyList<string> Take(ReadOnlySpan<byte> bytes)
    {
        var lines = new List<string>();
        foreach (var b in bytes)
        {
            if (b is (byte)'\n' or (byte)'\r')
            {
                var line = Encoding.ASCII.GetString([.. _held]).Trim();
                _held.Clear();
                if (line.Length > 0) lines.Add(line);
            }
            else if (_held.Count < Longest)
            {
                _held.Add(b);
            }
        }
        return lines;
    }

    /// <summary>Forgets a line that was begun.</summary>
    public void Clear() => _held.Clear();
}
