using BattKomp.Lab.EdgeAgent.Hosting;

namespace BattKomp.Lab.EdgeAgent.Instruments.Scpi;

/// <summary>The driver's own fields of a channel.</summary>
/// <param name="Profile">The device's habits.</param>
public sealed record ScpiSettings(ScpiProfile Profile)
{
    internal static ScpiSettings? Read(JsonFields channel)
    {
        var (name, file) = (channel.Text("profile"), channel.Text("profile_file"));
        var known = string.Join(", ", ScpiProfiles.BuiltIn.Keys.Order(StringComparer.Ordinal));
        if (name.Length > 0 == file.Length > 0)
            channel.Mistake("profile", $"give either profile ({known}) or profile_file (a lab's own)");
        else if (file.Length > 0)
            return FromFile(channel, file) is { } own ? new ScpiSettings(own) : null;
        else if (ScpiProfiles.BuiltIn.TryGetValue(name, out var profile))
            return new ScpiSettings(profile);
        else
            channel.Mistake("profile", $"is \"{name}\"; {known} is needed, or profile_file");
        return null;
    }

    private static ScpiProfile? FromFile(JsonFields channel, string file)
    {
        try
        {
            var profile = ScpiProfiles.Parse(File.ReadAllText(file), out var mistakes);
            foreach (var mistake in mistakes)
                channel.Mistake("profile_file", $"{file}: {mistake}");
            return profile;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            channel.Mistake("profile_file", $"\"{file}\" cannot be read: {e.Message}");
            return null;
        }
    }
}
